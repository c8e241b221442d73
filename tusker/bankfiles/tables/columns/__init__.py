"""What the columns of a bank's table hold: by their heads, by what stands in them, or as a person said."""
