import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";

import type {
  About,
  Activity,
  Embedded,
  Found,
  Link,
  LogView,
  LookedUp,
  ModelsView,
  PageName,
  Place,
  Saved,
  SearchView,
  SettingsForm,
  SettingsView,
  Status,
  TokenView,
  UpdateView,
  View,
} from "./bindings";

/** The commands of the app. Each may reject with a `CommandError`. */
export interface Backend {
  /** Calls `listener` with every new view until the returned function is called. */
  onView(listener: (view: View) => void): Promise<() => void>;
  getView(): Promise<View>;
  getStatus(): Promise<Status>;
  startDaemon(): Promise<void>;
  stopDaemon(): Promise<void>;
  restartDaemon(): Promise<void>;
  cancelLoad(): Promise<void>;
  startOnPort(port: number): Promise<void>;
  /** Calls `listener` with every page that is asked for from outside of the window, until the returned function is called. */
  onPage(listener: (page: PageName) => void): Promise<() => void>;
  /** Calls `listener` when the window is to be closed although something is typed and not saved. */
  onCloseAsked(listener: () => void): Promise<() => void>;
  /** The page that was asked for last. */
  getPage(): Promise<PageName>;
  /** Opens the app's window, or brings it to the front, with this page. */
  openPage(page: PageName): Promise<void>;
  closeWindow(): Promise<void>;
  /** Tells whether something is typed and not saved. */
  setUnsaved(isUnsaved: boolean): Promise<void>;
  openPlace(place: Place): Promise<void>;
  copyText(text: string): Promise<void>;
  getAbout(): Promise<About>;
  openLink(link: Link): Promise<void>;
  /** Asks the address of the settings whether there is a newer version. */
  checkUpdate(): Promise<UpdateView>;
  /** Who is connected, and the last requests. */
  getActivity(): Promise<Activity>;
  /** Lets pages of this origin use the daemon, which takes it up when it is restarted. */
  allowOrigin(origin: string): Promise<void>;
  getSearch(): Promise<SearchView>;
  /** Takes the lines of a text as what is searched. */
  searchIn(text: string): Promise<void>;
  /** Lets the user choose files, or a folder, whose lines are searched; `false` when nothing was chosen. */
  searchInFiles(folder: boolean): Promise<boolean>;
  clearSearch(): Promise<void>;
  /** The ten texts that are nearest to a query. */
  search(query: string): Promise<Found>;
  getLog(): Promise<LogView>;
  /** What somebody who helps needs to know: versions, settings without secrets, the end of the log. */
  getReport(): Promise<string>;
  /** Writes it to a file that the user chooses; its path, or `null` when none was chosen. */
  saveReport(): Promise<string | null>;
  dismissCrash(): Promise<void>;
  getTokens(): Promise<TokenView>;
  /** Makes new tokens: apps that have the old ones are refused from the next start on. */
  rotateTokens(): Promise<TokenView>;
  /** Keeps the token that the hub knows the user by; an empty one is forgotten. */
  keepHubToken(token: string): Promise<TokenView>;
  /** Asks the hub for a model by its name; `null` where it is here already. */
  lookUpModel(name: string): Promise<LookedUp | null>;
  /** Unloads a model that is loaded beside the current one. */
  unloadModel(model: string): Promise<void>;
  /** Does not show the welcome again. */
  endWelcome(): Promise<void>;
  embed(texts: string[]): Promise<Embedded>;
  getSettings(): Promise<SettingsView>;
  saveSettings(form: SettingsForm): Promise<Saved>;
  chooseModelFolder(): Promise<string | null>;
  getModels(): Promise<ModelsView>;
  pullModel(model: string): Promise<void>;
  /** Cancels a download, or dismisses one that failed. The bytes that are here are kept. */
  cancelPull(model: string): Promise<void>;
  /** Deletes a model's files and returns how many bytes that frees; a folder of the user's is only taken from the list. */
  removeModel(model: string): Promise<number>;
  /**
   * Loads a model beside the current one, or in its place, and switches to it; if no daemon is ready, starts one with
   * it.
   */
  useModel(model: string, replace?: boolean): Promise<void>;
  /** Dismisses a switch to another model that failed. */
  dismissSwitch(): Promise<void>;
  /** Stops offering models. */
  dismissOffers(): Promise<void>;
}

/** The app itself. */
export const tauriBackend: Backend = {
  onView: (listener) => listen<View>("view-changed", (event) => listener(event.payload)),
  getView: () => invoke("get_view"),
  getStatus: () => invoke("get_status"),
  startDaemon: () => invoke("start_daemon"),
  stopDaemon: () => invoke("stop_daemon"),
  restartDaemon: () => invoke("restart_daemon"),
  cancelLoad: () => invoke("cancel_load"),
  startOnPort: (port) => invoke("start_on_port", { port }),
  onPage: (listener) => listen<PageName>("page-asked", (event) => listener(event.payload)),
  onCloseAsked: (listener) => listen("close-asked", () => listener()),
  getPage: () => invoke("get_page"),
  openPage: (page) => invoke("open_page", { page }),
  closeWindow: () => invoke("close_window"),
  setUnsaved: (isUnsaved) => invoke("set_unsaved", { isUnsaved }),
  openPlace: (place) => invoke("open_place", { place }),
  copyText: (text) => invoke("copy_text", { text }),
  getAbout: () => invoke("get_about"),
  openLink: (link) => invoke("open_link", { link }),
  checkUpdate: () => invoke("check_update"),
  getActivity: () => invoke("get_activity"),
  allowOrigin: (origin) => invoke("allow_origin", { origin }),
  getSearch: () => invoke("get_search"),
  searchIn: (text) => invoke("search_in", { text }),
  searchInFiles: (folder) => invoke("search_in_files", { folder }),
  clearSearch: () => invoke("clear_search"),
  search: (query) => invoke("search", { query }),
  getLog: () => invoke("get_log"),
  getReport: () => invoke("get_report"),
  saveReport: () => invoke("save_report"),
  dismissCrash: () => invoke("dismiss_crash"),
  getTokens: () => invoke("get_tokens"),
  rotateTokens: () => invoke("rotate_tokens"),
  keepHubToken: (token) => invoke("keep_hub_token", { token }),
  lookUpModel: (name) => invoke("look_up_model", { name }),
  unloadModel: (model) => invoke("unload_model", { model }),
  endWelcome: () => invoke("end_welcome"),
  embed: (texts) => invoke("embed", { texts }),
  getSettings: () => invoke("get_settings"),
  saveSettings: (form) => invoke("save_settings", { form }),
  chooseModelFolder: () => invoke("choose_model_folder"),
  getModels: () => invoke("get_models"),
  pullModel: (model) => invoke("pull_model", { model }),
  cancelPull: (model) => invoke("cancel_pull", { model }),
  removeModel: (model) => invoke("remove_model", { model }),
  useModel: (model, replace = false) => invoke("use_model", { model, replace }),
  dismissSwitch: () => invoke("dismiss_switch"),
  dismissOffers: () => invoke("dismiss_offers"),
};
