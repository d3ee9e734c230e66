"""How does much fit into little?  Fixed-size summaries: prompt sketch, mean sketch, distinct counters."""
