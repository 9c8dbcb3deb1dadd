"""The main job from a terminal: land, learn, score, decide, deliver, and say what happened."""
