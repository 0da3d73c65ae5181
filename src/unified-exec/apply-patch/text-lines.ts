export interface TextLine {
  text: string;
  /** Empty for a last line that has none. */
  end: '\n' | '\r\n' | '';
}

/** Joined again they are the content. An empty content has no line. */
export function splitLines(content: string): TextLine[] {
  const lines: TextLine[] = [];
  for (let start = 0; start < content.length; ) {
    const feed = content.indexOf('\n', start);
    if (feed < 0) {
      lines.push({ text: content.slice(start), end: '' });
      break;
    }
    const isCrlf = feed > start && content[feed - 1] === '\r';
    lines.push({ text: content.slice(start, isCrlf ? feed - 1 : feed), end: isCrlf ? '\r\n' : '\n' });
    start = feed + 1;
  }
  return lines;
}

/** Only the last line may be without an end: others get `end`. */
export function joinLines(lines: readonly TextLine[], end: '\n' | '\r\n'): string {
  return lines.map((line, i) => line.text + (line.end || (i < lines.length - 1 ? end : ''))).join('');
}

/** How most lines end. */
export function usualEnd(lines: readonly TextLine[]): '\n' | '\r\n' {
  const crlf = lines.filter(({ end }) => end === '\r\n').length;
  return crlf * 2 > lines.length ? '\r\n' : '\n';
}
