/** An address as it may be shown: a login in it (`https://user:password@…`) is left out. */
export function withoutLogin(address: string): string {
  if (!URL.canParse(address)) return address;
  const url = new URL(address);
  if (url.username === '' && url.password === '') return address;
  url.username = '';
  url.password = '';
  // URL adds a slash to a bare host; the address given had none.
  return address.endsWith('/') ? url.href : url.href.replace(/\/$/, '');
}
