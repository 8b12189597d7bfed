import { open } from "../lib/open";
import Page from "./Progress.svelte";

void open(Page);
