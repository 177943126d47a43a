"""From files of text to labelled occurrences."""
