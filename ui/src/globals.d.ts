/** Whether the pages talk to the scripted backend instead of the app. */
declare const __FAKE__: boolean;
