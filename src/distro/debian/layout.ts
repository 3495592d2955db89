import type { RootLayout } from '../../archive/root-layout.ts';

export const LAYOUT: RootLayout = {
  /** The merged /usr: Debian Policy 10.1 and the usrmerge of Debian 12. */
  links: {
    bin: 'usr/bin',
    sbin: 'usr/sbin',
    lib: 'usr/lib',
    lib64: 'usr/lib64',
    lib32: 'usr/lib32',
    libx32: 'usr/libx32',
  },
  /** Only some architectures have these. */
  optional: ['lib64', 'lib32', 'libx32'],
  /** Nothing reads it at build or run time, and it is a third of all files. */
  exclude: [
    'usr/share/doc/**',
    'usr/share/doc-base/**',
    'usr/share/man/**',
    'usr/share/info/**',
    'usr/share/locale/**',
    'usr/share/i18n/**',
    'usr/share/help/**',
    'usr/share/gtk-doc/**',
    'usr/share/lintian/**',
    'usr/share/linda/**',
    'usr/share/bug/**',
  ],
  /** Licences must travel with what is shipped: Debian Policy 12.5. */
  keep: ['usr/share/doc/*/copyright'],
  /** One package's documentation folder that is a link to another's, where the licence is. */
  keepLinks: ['usr/share/doc/*'],
};
