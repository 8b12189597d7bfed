import { open } from "../lib/open";
import Page from "./Settings.svelte";

void open(Page);
