/** Elements made of text: nothing here reads markup. */

/** An element with children; a string becomes a text node. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (className) {
    made.className = className;
  }
  made.append(...children);
  return made;
}

/** Text for screen readers alone. */
export function hidden(text: string): HTMLElement {
  return element('span', 'dml-hidden', text);
}
