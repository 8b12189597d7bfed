import { open } from "../lib/open";
import Page from "./Models.svelte";

void open(Page);
