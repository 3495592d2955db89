

# Appended by provision to this module of a bundle that brings a table of its own, for systems that have none.
if not any(map(os.path.isfile, knownfiles)):
    knownfiles.append(os.path.join(os.path.dirname(__file__), 'system-data', 'mime.types'))
