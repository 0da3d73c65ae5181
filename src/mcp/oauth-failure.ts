/** Why a request to an authorisation server failed, without what the server may have repeated of it: that may be a secret. */
export function whatWentWrong(error: unknown): string {
  if (!(error instanceof Error)) return 'for no reason that is known';
  // The SDK quotes the whole answer when it is none that OAuth knows, and what of it does not fit when it is a token.
  if ('code' in error && error.code === 'server_error')
    return 'the authorisation server answered with an error of its own';
  if (error.name === 'ZodError') return 'the authorisation server answered with something that is no token';
  if (error instanceof SyntaxError) return 'the authorisation server answered with something that is no JSON';
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return 'code' in error && typeof error.code === 'string' && error.code !== error.message
    ? `${error.message} (${error.code})${cause}`
    : `${error.message}${cause}`;
}
