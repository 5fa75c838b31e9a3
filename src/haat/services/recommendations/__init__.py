"""Recommendations: what shoppers do, and what it says about what they may like."""
