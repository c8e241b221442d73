"""What keeps one visitor from slowing down the others, or from guessing."""
