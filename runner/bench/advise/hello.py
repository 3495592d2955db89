"""As little as a script can do."""
print("hello")
