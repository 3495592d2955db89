"""Gives an interpreter what python3 gives a script at its start. Run in each by `interpreter.rs`; not visible to scripts."""

import sys


def text(value):
    return value.decode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())


def begin(program, script, absolute, folder, arguments, environment):
    words = [text(script), *map(text, arguments)]
    sys.argv, sys.orig_argv = words, [text(program), *words]
    if not sys.flags.safe_path:
        sys.path.insert(0, text(folder))
    if environment:
        import os
        os.environb.update(environment)
    loader = sys.modules["_frozen_importlib_external"].SourceFileLoader("__main__", text(absolute))
    main = vars(sys.modules["__main__"])
    main.update(__loader__=loader, __file__=text(absolute))
    if sys.version_info < (3, 15):
        main["__cached__"] = None
    return main


def take_main_thread():
    """The thread that runs the script is the main thread of its interpreter; `threading` asks for that of the process."""
    import _thread
    if hasattr(_thread, "_get_main_thread_ident"):
        identifier = _thread.get_ident()
        _thread._get_main_thread_ident = lambda: identifier


def separate_environment():
    """What sets variables of the process sets those of this interpreter: `os.environ`, and what its children get."""
    import posix
    variables = dict(posix.environ)

    def encoded(value):
        encoding, errors = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
        return value.encode(encoding, errors) if isinstance(value, str) else bytes(value)

    def putenv(name, value, /):
        give_to_children()
        variables[encoded(name)] = encoded(value)

    def unsetenv(name, /):
        give_to_children()
        variables.pop(encoded(name), None)

    def give_to_children():
        import _posixsubprocess
        if _posixsubprocess.fork_exec in given:
            return
        original = _posixsubprocess.fork_exec

        def fork_exec(*arguments):
            if arguments[5] is None:
                lines = [name + b"=" + value for name, value in variables.items()]
                arguments = (*arguments[:5], lines, *arguments[6:])
            return original(*arguments)

        given.append(fork_exec)
        _posixsubprocess.fork_exec = fork_exec
        if "subprocess" in sys.modules:
            sys.modules["subprocess"]._fork_exec = fork_exec

    def system(command):
        child = posix.posix_spawn("/bin/sh", ["sh", "-c", command], variables)
        return posix.waitpid(child, 0)[1]

    given = []
    for replacement in (putenv, unsetenv, system):
        for name in ("posix", "os"):
            if name in sys.modules:
                setattr(sys.modules[name], replacement.__name__, replacement)


def notice_refusals():
    """Writes down what CPython refuses to a script because its interpreter is not the only one; `refused` is in the record."""
    import _imp
    import _signal
    import _thread
    import posix

    def noticed(function, what):
        def call(*arguments, **named):
            refused.setdefault(what)
            return function(*arguments, **named)
        return call

    def noticed_import(function):
        def create(spec, *others):
            try:
                return function(spec, *others)
            except ImportError as error:
                if "subinterpreters" in str(error):
                    refused.setdefault(f"module {spec.name}")
                raise
        return create

    for module, names, what in (
        (_signal, ("signal", "set_wakeup_fd"), "signal handlers"),
        (posix, ("fork", "forkpty"), "fork"),
        (posix, ("execv", "execve"), "exec"),
        (_thread, ("daemon_threads_allowed",), "daemon threads"),
    ):
        for name in names:
            for place in (module, sys.modules.get("os")) if module is posix else (module,):
                if hasattr(place, name):
                    setattr(place, name, noticed(getattr(place, name), what))
    for name in ("create_builtin", "create_dynamic"):
        setattr(_imp, name, noticed_import(getattr(_imp, name)))


refused = {}


def take_refused():
    names = ", ".join(refused)
    refused.clear()
    return names


def flush():
    """Whether the output could be written (`flush_std_files` of CPython)."""
    written = True
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name, None)
        try:
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        except BaseException as error:
            written = False
            if name == "stdout":
                sys.unraisablehook(Unraisable(stream, error))
    return written


class Unraisable:
    """What `sys.unraisablehook` gets."""

    def __init__(self, thing, error):
        self.exc_type, self.exc_value, self.exc_traceback = type(error), error, None
        self.err_msg, self.object = None, thing


def keep():
    """What has to be put back before the interpreter runs another script."""
    import os
    main = vars(sys.modules["__main__"])
    return dict(main), list(sys.path), dict(os.environb), sys.getrecursionlimit(), os.getcwdb(), open_streams()


def open_streams():
    """Which files the standard streams are."""
    import os
    files = map(os.fstat, range(3))
    return [(file.st_dev, file.st_ino) for file in files]


def put_back(kept):
    """Ends a script whose interpreter is used again. Modules that it imported stay, and what it changed in them."""
    import os
    names, path, environment, limit, folder, streams = kept
    if open_streams() != streams:
        raise OSError("the script closed a standard stream or put another file in its place")
    main = vars(sys.modules["__main__"])
    main.clear()
    main.update(names)
    sys.path[:] = path
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, name, getattr(sys, f"__{name}__"))
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        vars(sys).pop(name, None)
    sys.setrecursionlimit(limit)
    sys.settrace(None)
    sys.setprofile(None)
    if dict(os.environb) != environment:
        os.environb.clear()
        os.environb.update(environment)
    os.chdir(folder)
