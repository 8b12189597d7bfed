import { open } from "../lib/open";
import Page from "./Connect.svelte";

void open(Page);
