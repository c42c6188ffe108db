"""What screening needs of the world: the vocabulary of skills, and the proof of its verdicts."""
