print("unwound")
print("caught")
