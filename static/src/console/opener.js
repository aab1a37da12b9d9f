/** The shapes that a session shares with what opens a screen or a terminal for it. */

/**
 * @typedef {object} Seat an open connection; of `rfb` and `terminal` one is there
 * @property {import("@novnc/novnc").default | null} rfb
 * @property {import("@xterm/xterm").Terminal | null} terminal
 * @property {() => void} focus
 * @property {() => void} blur
 * @property {(has: boolean) => void} setControl let keys and pointer go to the guest, or not
 * @property {() => void} close
 *
 * @typedef {{ticketUrl: string, name: string, wanted: import("./ticket.js").Wanted}} Address
 * @typedef {{connected: () => void, says: (words: string) => void, ended: (code: number, reason: string) => void}} Hooks
 * @typedef {(place: HTMLElement, socket: WebSocket, address: Address, hooks: Hooks) => Seat} Opener
 */
export {};
