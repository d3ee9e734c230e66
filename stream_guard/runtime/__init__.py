"""How do records move?  Lanes, ticks and watermarks (pure), and two shells around them: local and Faust."""
