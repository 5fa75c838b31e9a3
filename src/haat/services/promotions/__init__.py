"""Coupons, with limits that hold under any crowd."""
