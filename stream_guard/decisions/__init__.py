"""4. What do we do about it?  Policy rules as data, ladder, exemptions, false-block budget."""
