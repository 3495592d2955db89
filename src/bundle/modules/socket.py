

# Appended by provision to this module of a bundle that brings a table of services of its own, for what the system's lacks.
def _in_bundle(system_by_name, system_by_port):
    ports, names = {}, {}

    def read():
        # services(5): name, port/protocol, aliases; the first entry counts.
        with open(os.path.join(os.path.dirname(__file__), 'system-data', 'services'), encoding='utf-8') as lines:
            for line in lines:
                words = line.partition('#')[0].split()
                if len(words) < 2:
                    continue
                name, port, *aliases = words
                port, _, protocol = port.partition('/')
                # Without a protocol any will do.
                for key in (protocol, None):
                    names.setdefault((int(port), key), name)
                    for word in (name, *aliases):
                        ports.setdefault((word, key), int(port))

    def look_up(table, *key):
        if not ports:
            read()
        return table.get((key + (None,))[:2])

    def getservbyname(*args):
        try:
            return system_by_name(*args)
        except OSError:
            if (port := look_up(ports, *args)) is None:
                raise
            return port

    def getservbyport(*args):
        try:
            return system_by_port(*args)
        except OSError:
            if (name := look_up(names, *args)) is None:
                raise
            return name

    for own, system in ((getservbyname, system_by_name), (getservbyport, system_by_port)):
        own.__doc__, own.__qualname__ = system.__doc__, system.__name__
    return getservbyname, getservbyport


getservbyname, getservbyport = _in_bundle(getservbyname, getservbyport)
del _in_bundle
