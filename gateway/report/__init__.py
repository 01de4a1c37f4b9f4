"""Reports: what the journal says in sum, and what it would have said with other rules."""
