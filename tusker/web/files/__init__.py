"""Files that go out, streamed, and those that people sent in."""
