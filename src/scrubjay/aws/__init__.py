"""Scrubjay on AWS: functions that plan and render, and the commands that look after them."""
