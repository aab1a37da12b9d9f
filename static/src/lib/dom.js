/** Small helpers about elements, cookies and requests to our own server. */

const AGAIN_MS = 200;

/**
 * @param {string} id
 * @returns {HTMLElement | null}
 */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * Make an element; its text is never HTML.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/**
 * Find the nearest element that matches, from where an event happened.
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function nearest(event, selector) {
  const target = event.target;
  return target instanceof Element ? target.closest(selector) : null;
}

/**
 * Fetch; what only reads is tried a second time, for browsers drop requests when the network changes.
 * @param {string} url
 * @param {RequestInit} options
 */
async function fetchSurely(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if ((options.method ?? "GET") !== "GET" || options.signal?.aborted) throw error;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    return fetch(url, options);
  }
}

/**
 * Ask our own server; goes to the login page when the session has ended.
 * @param {string} url
 * @param {RequestInit} [options]
 */
export async function ask(url, options = {}) {
  const headers = { "X-Kvmweb": "1", "X-CSRFToken": document.body.dataset.csrf ?? "" };
  const answer = await fetchSurely(url, { credentials: "same-origin", ...options, headers });
  if (answer.status === 401) goToLogin();
  return answer;
}

/** Leave for the login page and come back afterwards. */
export function goToLogin() {
  const here = location.pathname + location.search;
  location.assign(`${document.body.dataset.loginUrl}?next=${encodeURIComponent(here)}`);
}

/**
 * Turn HTML of our own server into a document that is not shown; its scripts do not run.
 * @param {string} html
 */
export function parse(html) {
  return new DOMParser().parseFromString(html, "text/html");
}

/**
 * Turn a path into the address of a websocket on the same origin; a whole address stays as it is.
 * @param {string} path
 */
export function socketUrl(path) {
  const url = new URL(path, location.href);
  if (!url.protocol.startsWith("ws")) url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
