"""The door to Amazon's cloud: functions that plan and render, and what a person does with them."""
