"""A recorded campaign under other settings: its history, replayed through the decisions that made it.

Pure: no clock, no input, no output. What the recorded history cannot know is told, never guessed.
"""
