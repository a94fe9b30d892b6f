# No function. Some versions of kmod install their completions as a file of this name, among the
# functions, and fish would add them to those of modutils.
