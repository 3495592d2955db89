

# Appended by provision to this module of a bundle, where two things are other than in an installed Python: programs look for
# libpython in `../lib` from where they are, which a copied program takes with it; and there is no ensurepip.
def _in_bundle(setup_python, setup_pip):
    def add_libraries(self, context):
        setup_python(self, context)
        if os.path.islink(context.env_exe):
            return
        bundle = os.path.join(sys.base_prefix, 'lib')
        for name in sorted(os.listdir(bundle)):
            if '.so' not in name:
                continue
            source, path = os.path.join(bundle, name), os.path.join(context.env_dir, 'lib', name)
            if os.path.lexists(path):
                os.unlink(path)
            try:
                os.symlink(source, path)
            except OSError:
                # A file system without links.
                shutil.copyfile(source, path)

    def explain_pip(self, context):
        from importlib.util import find_spec
        from shlex import quote
        if find_spec('ensurepip') is not None:
            return setup_pip(self, context)
        program, env = quote(context.executable), quote(context.env_dir)
        print(f"""\
error: pip cannot be put into {context.env_dir}: there is no ensurepip.
  why: a bundle has the standard library without the wheel of pip.
  fix: {program} -m venv --without-pip {env}
       With `pip` below `python.packages` in the recipe, this puts it there:
       {program} -m pip --python {env} install pip""", file=sys.stderr)
        sys.exit(1)

    EnvBuilder.setup_python = add_libraries
    EnvBuilder._setup_pip = explain_pip


_in_bundle(EnvBuilder.setup_python, EnvBuilder._setup_pip)
