"""What does the program say of itself?  Metrics, declared once, and logs that are events."""
