import { open } from "../lib/open";
import Page from "./Status.svelte";

void open(Page);
