/**
 * Variable of the environment that names mirrors: archive roots, separated by spaces or commas. In one of a snapshot archive
 * `@SNAPSHOTID@` stands for the time of a lock, as in apt's own configuration.
 */
export const MIRROR_VARIABLE = 'PROVISION_DEBIAN_MIRROR';

/** Component of the archive that packages are taken from. */
export const COMPONENT = 'main';

/** Package that holds the keys the archive is signed with. */
export const KEYRING_PACKAGE = 'debian-archive-keyring';

/** Where Debian and its descendants keep those keys. Older releases have `.gpg`, newer ones `.pgp` and a link. */
export const KEYRING_FILES = [
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  '/usr/share/keyrings/debian-archive-keyring.pgp',
] as const;

/** apt's configuration folder. */
export const APT_FOLDER = '/etc/apt';

/** Search path for apt and dpkg: where distributions install them; the user's own PATH plays no part. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Milliseconds one apt command may take; the index of a suite is about 10 MB. */
export const APT_TIME_LIMIT_MS = 10 * 60 * 1000;

/** apt's own downloader; not on PATH (apt-helper(1)). */
export const APT_HELPER = '/usr/lib/apt/apt-helper';
