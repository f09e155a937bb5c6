const cookieLifeSeconds = 30 * 24 * 60 * 60;
/** Other servers on this computer can set cookies of any name here, since cookies know no ports. */
const maxTried = 4;

/** The session cookie of a door: its name holds the port, so that two doors of one computer keep out of each other's way. */
export class SessionCookie {
  private readonly name: string;

  constructor(
    port: number,
    private readonly secure: boolean,
  ) {
    this.name = `${secure ? '__Host-' : ''}lm_sandbox_${port}`;
  }

  set(value: string): string {
    return this.text(value, cookieLifeSeconds);
  }

  clear(): string {
    return this.text('', 0);
  }

  /** Each value that came under the name. */
  read(header: string | undefined): string[] {
    return (header ?? '')
      .split(';')
      .map((part) => part.trim().split('='))
      .flatMap(([name, value]) => (name === this.name && value ? [value] : []))
      .slice(0, maxTried);
  }

  private text(value: string, maxAgeSeconds: number): string {
    const secure = this.secure ? '; Secure' : '';
    return `${this.name}=${value}; Path=/; HttpOnly; SameSite=Strict${secure}; Max-Age=${maxAgeSeconds}`;
  }
}
