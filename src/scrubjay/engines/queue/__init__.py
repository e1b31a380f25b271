"""What any queue needs to make sets; it knows no cloud."""
