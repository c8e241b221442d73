"""Companies and their credit lines: limits, terms, holds, ids at delivery companies."""
