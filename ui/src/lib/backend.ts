import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";

import type {
  About,
  Embedded,
  ModelsView,
  Place,
  Saved,
  SettingsForm,
  SettingsView,
  Status,
  View,
  WindowName,
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
  openWindow(window: WindowName): Promise<void>;
  closeWindow(): Promise<void>;
  openPlace(place: Place): Promise<void>;
  copyText(text: string): Promise<void>;
  getAbout(): Promise<About>;
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
  openWindow: (window) => invoke("open_window", { window }),
  closeWindow: () => invoke("close_window"),
  openPlace: (place) => invoke("open_place", { place }),
  copyText: (text) => invoke("copy_text", { text }),
  getAbout: () => invoke("get_about"),
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
