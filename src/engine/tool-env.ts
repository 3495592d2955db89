/** Standing folders, and not PATH: what makes a sandbox must not depend on who starts it. */
export const TOOL_FOLDERS = [
  '/usr/bin',
  '/bin',
  '/usr/sbin',
  '/sbin',
  '/usr/local/bin',
  '/usr/local/sbin',
  '/run/current-system/sw/bin',
];

/** The environment of host tools: messages in English, so that they can be recognised. */
export const TOOL_ENV: Readonly<Record<string, string>> = { PATH: TOOL_FOLDERS.join(':'), LC_ALL: 'C' };
