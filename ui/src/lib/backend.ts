import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";

import type {
  About,
  Embedded,
  Place,
  Saved,
  SettingsForm,
  SettingsView,
  StatusView,
  View,
  WindowName,
} from "./bindings";

/** What the pages can ask the app for. Every call may reject with a `CommandError`. */
export interface Backend {
  /** Calls `told` with every new view until the returned function is called. */
  onView(told: (view: View) => void): Promise<() => void>;
  getView(): Promise<View>;
  getStatus(): Promise<StatusView>;
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
}

/** The app itself. */
export const tauriBackend: Backend = {
  onView: (told) => listen<View>("view-changed", (event) => told(event.payload)),
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
};
