"""Colours, type and spacing. Only fonts the visitor's system has: the page asks no other host for anything."""

from __future__ import annotations

import gradio as gr

SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Liberation Sans", "sans-serif")
MONO = ("ui-monospace", "SF Mono", "Menlo", "Consolas", "Liberation Mono", "monospace")


def studio_theme() -> gr.themes.Base:
    """Calm grays, one teal accent; verdicts carry the only other colours."""
    theme = gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        font=[gr.themes.Font(name) for name in SANS],
        font_mono=[gr.themes.Font(name) for name in MONO],
        radius_size=gr.themes.sizes.radius_md,
        spacing_size=gr.themes.sizes.spacing_md,
        text_size=gr.themes.sizes.text_md,
    )
    return theme.set(
        body_background_fill="#eef1f4",
        body_background_fill_dark="#0e1318",
        body_text_color="#17222d",
        body_text_color_dark="#e4eaef",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        panel_background_fill="transparent",
        panel_background_fill_dark="transparent",
        input_background_fill="#f3f6f8",
        input_background_fill_dark="#111820",
        input_border_color="#d8dfe5",
        input_border_color_dark="#2a353f",
        checkbox_label_background_fill="#f3f6f8",
        checkbox_label_background_fill_dark="#111820",
        checkbox_label_background_fill_selected="#d9eeef",
        checkbox_label_background_fill_selected_dark="#153b40",
        checkbox_label_border_color="#d8dfe5",
        checkbox_label_border_color_dark="#2a353f",
        checkbox_label_border_width="1px",
        block_border_width="0px",
        block_shadow="none",
        block_label_text_color="#51606e",
        block_label_text_color_dark="#9fb0bf",
        button_secondary_background_fill="#f3f6f8",
        button_secondary_background_fill_dark="#111820",
        button_secondary_border_color="#c6d0d8",
        button_secondary_border_color_dark="#34424e",
        button_border_width="1px",
        button_cancel_background_fill="#a8231f",
        button_cancel_background_fill_hover="#8d1b18",
        button_cancel_background_fill_dark="#b3322d",
        button_cancel_text_color="#ffffff",
        button_cancel_border_color="#a8231f",
        button_primary_border_color="#0b6b73",
        button_primary_background_fill="#0b6b73",
        button_primary_background_fill_hover="#095a61",
        button_primary_background_fill_dark="#0d727b",
        button_primary_text_color="#ffffff",
    )
