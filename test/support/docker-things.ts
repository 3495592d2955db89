import { request } from 'node:http';

/** What an engine holds that is labelled as provision's own, asked of it directly. */
export interface Things {
  readonly containers: readonly string[];
  readonly volumes: readonly string[];
  readonly images: readonly string[];
}

const OWN = `filters=${encodeURIComponent(JSON.stringify({ label: ['provision.kind'] }))}`;

export async function thingsIn(socket: string): Promise<Things> {
  const [containers, volumes, images] = await Promise.all([
    ask<readonly { Id: string }[]>(socket, 'GET', `/containers/json?all=1&${OWN}`),
    ask<{ Volumes: readonly { Name: string }[] | null }>(socket, 'GET', `/volumes?${OWN}`),
    ask<readonly { Id: string }[]>(socket, 'GET', `/images/json?${OWN}`),
  ]);
  return {
    containers: containers.map(({ Id }) => Id),
    volumes: (volumes.Volumes ?? []).map(({ Name }) => Name).sort(),
    images: images.map(({ Id }) => Id),
  };
}

/** One call of the API, beside the engine under test. */
export function ask<T>(socketPath: string, method: string, path: string, body?: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if ((response.statusCode ?? 500) >= 400)
          reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        else resolve((text === '' ? undefined : JSON.parse(text)) as T);
      });
    });
    asked.once('error', reject);
    if (body !== undefined) asked.setHeader('Content-Type', 'application/json');
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
