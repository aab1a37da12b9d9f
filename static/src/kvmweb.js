/** Every page: menus, dialogs, notes, the status socket, the jobs indicator and parts that refresh themselves. */
import "htmx.org";
import { byId } from "./lib/dom.js";
import { startJobs } from "./live/jobs.js";
import { startNotices } from "./live/notices.js";
import { refresh, startRegions } from "./live/regions.js";
import { on, startSocket } from "./live/socket.js";
import { startDialogs } from "./ui/dialogs.js";
import { startMenus } from "./ui/menu.js";
import { startPage } from "./ui/page.js";

startPage();
startMenus();
startDialogs();
startRegions();
startJobs();
startNotices();

/** Things whose change concerns this page, as its regions name them. @param {string} what */
function concerns(what) {
  return Boolean(document.querySelector(`[data-region="${CSS.escape(what)}"]`));
}

on("changed", (message) => {
  if (concerns(message.what)) refresh();
});
on("job", () => concerns("jobs") && refresh());
on("host", () => refresh());
on("connected", (message) => {
  if (message.isAgain && !byId("guests")) refresh();
});
startSocket();
