"""Notifications: mails about orders, written before they are sent."""
