"""Files for people outside: what they look like on paper. No figure is worked out here."""
