"""What comes in other than by the API: imported call histories, and the demonstration. Acts by commands only."""
