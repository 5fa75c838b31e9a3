"""Orders of record: from placement to delivery, cancellation, return and refund."""
