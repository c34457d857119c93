"use strict";(self.rspackChunkdockmagic_labextension=self.rspackChunkdockmagic_labextension||[]).push([[232],{"./node_modules/css-loader/dist/cjs.js!./style/base.css"(e,o,r){var t=r("./node_modules/css-loader/dist/runtime/noSourceMaps.js"),d=r.n(t),i=r("./node_modules/css-loader/dist/runtime/api.js"),n=(r.n(i))()(d());n.push([e.id,`/* Tokens: iron is read-only, crust is writable. Fixed colours on any ground; text inherits the page's. */
.dm-record,
.dm-panel,
.dm-cell,
.cm-tooltip .dm-hover {
  --dm-face: rgba(120, 140, 165, 0.2);
  --dm-edge: #8190a2;
  --dm-base: #66758a;
  --dm-rim: #a8761a;
  --dm-tray: rgba(214, 160, 50, 0.1);
  --dm-red: #c8372d;
  --dm-line: #66758a;
  --dm-ink2: #55606d;
  --dm-rule: #d5dbe2;
  --dm-hover: #e6ebf0;
  --dm-sel: #1669c1;
  --dm-mono: var(--jp-code-font-family, ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace);
}

body[data-jp-theme-light='false'] :is(.dm-record, .dm-panel, .dm-cell, .dm-hover) {
  --dm-line: #8494a8;
  --dm-ink2: #aeb8c3;
  --dm-rule: #3b444e;
  --dm-hover: #2f3843;
  --dm-sel: #5fb0f7;
  --dm-rim: #d9a441;
}

.dm-hidden {
  position: absolute;
  width: 1px;
  height: 1px;
  margin: -1px;
  padding: 0;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

.dm-quiet {
  color: var(--dm-ink2);
}

.dm-mono {
  font-family: var(--dm-mono);
  font-size: 11.5px;
}

/* ---- the record ---- */

.dm-drawing {
  max-width: 760px;
  margin: 2px 0;
  padding: 2px 8px;
  font-family: var(--jp-ui-font-family);
  font-size: 12.5px;
  line-height: 18px;
  color: var(--jp-ui-font-color1);
}

.dm-drawing ul {
  list-style: none;
  margin: 0;
  padding: 0;
}

.dm-header {
  margin-bottom: 4px;
}

.dm-header > * {
  margin-right: 4px;
}

.dm-verdict {
  border: 1px solid;
  border-radius: 3px;
  padding: 0 5px;
  white-space: nowrap;
}

.dm-fine {
  font-size: 11px;
}

.dm-tray,
.dm-changes {
  padding: 2px 8px 4px;
}

/* Open at the top: things can still be put in. */
.dm-tray {
  border: 1.5px dashed var(--dm-rim);
  border-top: 0;
  border-radius: 0 0 3px 3px;
  background-color: var(--dm-tray);
}

.dm-changes {
  border: 1px solid var(--dm-edge);
  border-radius: 2px;
}

.dm-tray-title {
  line-height: 20px;
}

.dm-tray-size {
  float: right;
  padding-left: 4px;
  font-variant-numeric: tabular-nums;
}

.dm-chip {
  display: inline-block;
  color: #fff;
  border-radius: 3px;
  padding: 0 4px;
  font-family: var(--dm-mono);
  font-size: 10.5px;
  line-height: 14px;
}

.dm-A {
  background-color: #0f7b45;
}

.dm-C {
  background-color: #745ad6;
}

.dm-D {
  background-color: #c8372d;
}

.dm-paths > li {
  display: inline-block;
  box-sizing: border-box;
  width: 32.8%;
  min-width: 196px;
  padding-right: 6px;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
  vertical-align: top;
  line-height: 17px;
}

.dm-slabs > li {
  position: relative;
  box-sizing: border-box;
  margin-top: 2px;
}

.dm-slab,
.dm-line,
.dm-outlined {
  display: flex;
  align-items: center;
  column-gap: 8px;
  padding: 0 8px;
}

.dm-slab {
  background-color: var(--dm-face);
}

/* A style of the element sets width and kind. */
.dm-slab {
  border-bottom-color: var(--dm-edge) !important;
}

.dm-name {
  flex: 1;
  min-width: 0;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.dm-files,
.dm-size {
  text-align: right;
  white-space: nowrap;
  font-variant-numeric: tabular-nums;
}

.dm-files {
  font-size: 11.5px;
}

.dm-size {
  min-width: 66px;
}

.dm-wide {
  font-size: 11.5px;
}

.dm-lock {
  display: inline-flex;
  flex-direction: column;
  align-items: center;
  width: 10px;
}

.dm-lock > i:first-child {
  box-sizing: border-box;
  width: 6px;
  height: 5px;
  border: 1px solid;
  border-bottom: 0;
  border-radius: 3px 3px 0 0;
}

.dm-lock > i:last-child {
  width: 10px;
  height: 6px;
  border-radius: 1px;
  background-color: currentcolor;
}

.dm-line {
  border-bottom: 1px solid var(--dm-face);
  padding-left: 26px;
  line-height: 16px;
}

.dm-fold {
  border-top: 3px double var(--dm-edge);
  border-bottom: 3px double var(--dm-edge);
  text-align: center;
}

.dm-outlined {
  border: 1px solid var(--dm-edge);
  border-radius: 2px;
  padding-left: 26px;
}

.dm-failed {
  border: 1.5px solid var(--dm-red);
  background-color: rgba(200, 55, 45, 0.1);
}

.dm-notrun {
  border-style: dotted;
  color: var(--dm-ink2);
}

.dm-foot {
  border-top: 2px solid var(--dm-base);
  margin-top: 2px;
  padding-top: 2px;
  line-height: 17px;
}

.dm-note {
  line-height: 17px;
}

.dm-drawing summary {
  cursor: pointer;
}

.dm-log {
  max-height: 180px;
  overflow: auto;
  margin: 2px 0;
  padding: 4px 8px;
  border: 1px solid var(--dm-rule);
  font-family: var(--dm-mono);
  font-size: 11.5px;
  line-height: 16px;
}

/* ---- the panel ---- */

.dm-panel {
  display: flex;
  flex-direction: column;
  overflow: auto;
  min-width: 240px;
  background: var(--jp-layout-color1);
  color: var(--jp-ui-font-color1);
  font-family: var(--jp-ui-font-family);
  font-size: 13px;
  line-height: 20px;
}

.dm-panel ul {
  list-style: none;
  margin: 0;
  padding: 0;
}

.dm-panel code {
  font-family: var(--dm-mono);
  font-size: 11.5px;
}

.dm-panel-header {
  display: flex;
  align-items: center;
  justify-content: space-between;
  padding: 6px 12px;
  border-bottom: 1px solid var(--dm-rule);
}

.dm-panel h2,
.dm-panel h3 {
  margin: 0;
  font-size: 13px;
  font-weight: 600;
  line-height: 20px;
}

.dm-panel h3 {
  display: flex;
  justify-content: space-between;
  padding: 0 12px;
}

.dm-panel h3 > span {
  font-weight: 400;
  font-variant-numeric: tabular-nums;
}

.dm-status:not(:empty) {
  padding: 4px 12px;
  border-bottom: 1px solid var(--dm-rule);
}

.dm-section {
  padding: 7px 0 9px;
  border-bottom: 1px solid var(--dm-rule);
}

.dm-empty {
  margin: 0;
  padding: 4px 12px;
  color: var(--dm-ink2);
}

.dm-row {
  display: grid;
  grid-template-columns: 34px minmax(0, 1fr) auto;
  gap: 0 9px;
  align-items: center;
  width: 100%;
  padding: 4px 12px;
  border: 0;
  background: none;
  color: inherit;
  font: inherit;
  text-align: left;
  cursor: pointer;
}

.dm-row:hover,
.dm-row[aria-expanded='true'] {
  background: var(--dm-hover);
}

.dm-row[aria-expanded='true'] {
  box-shadow: inset 3px 0 var(--dm-sel);
}

.dm-panel :focus-visible {
  outline: 2px solid var(--dm-sel);
  outline-offset: -2px;
}

.dm-row-name {
  font-size: 12px;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.dm-row-size,
.dm-number {
  font-size: 11.5px;
  font-variant-numeric: tabular-nums;
  white-space: nowrap;
}

.dm-row-detail {
  grid-column: 2 / 4;
  font-size: 11.5px;
  line-height: 15px;
  color: var(--dm-ink2);
  overflow-wrap: anywhere;
}

.dm-mini {
  grid-row: 1 / 3;
  display: flex;
  flex-direction: column;
  gap: 1px;
  width: 32px;
}

.dm-mini > i {
  background: var(--dm-edge);
  border-top: 2px solid var(--dm-base);
}

.dm-mini > u {
  height: 9px;
  border: 1px dashed var(--dm-rim);
  border-top: 0;
  background: var(--dm-tray);
}

.dm-actions {
  padding: 2px 12px 6px 55px !important;
  background: var(--dm-hover);
  box-shadow: inset 3px 0 var(--dm-sel);
}

.dm-actions > li {
  padding: 2px 0;
  overflow-wrap: anywhere;
}

.dm-button {
  border: 1px solid var(--dm-line);
  border-radius: 3px;
  background: var(--jp-layout-color1);
  color: inherit;
  font: inherit;
  font-size: 12px;
  min-height: 24px;
  padding: 1px 9px;
  cursor: pointer;
}

.dm-button:hover {
  background: var(--dm-hover);
}

.dm-button[aria-disabled='true'] {
  border-style: dotted;
  color: var(--dm-ink2);
  cursor: default;
}

.dm-why {
  color: var(--dm-ink2);
  font-size: 11.5px;
}

.dm-disk {
  display: flex;
  gap: 1px;
  height: 12px;
  margin: 5px 12px 4px;
  outline: 1px solid var(--dm-rule);
}

.dm-disk > i {
  min-width: 2px;
}

.dm-part-images {
  background: var(--dm-edge);
}

.dm-part-containers {
  background: repeating-linear-gradient(45deg, var(--dm-rim) 0 2px, var(--dm-tray) 2px 4px);
}

.dm-part-cache {
  box-sizing: border-box;
  border: 1px solid var(--dm-line);
}

.dm-legend {
  padding: 0 12px !important;
  font-size: 11.5px;
}

.dm-legend > li {
  display: grid;
  grid-template-columns: 12px 1fr auto;
  gap: 0 7px;
  align-items: center;
}

.dm-sample {
  width: 12px;
  height: 10px;
}

.dm-tiers {
  margin: 5px 12px 2px !important;
  border: 1px solid var(--dm-line);
  border-radius: 3px;
  font-size: 12px;
}

.dm-tiers > li {
  display: flex;
  gap: 7px;
  padding: 2px 8px;
  color: var(--dm-ink2);
}

.dm-tiers > .dm-on {
  background: var(--dm-hover);
  color: inherit;
  font-weight: 600;
}

.dm-sign {
  width: 12px;
  flex: none;
}

.dm-panel .dm-note {
  margin: 0;
  padding: 2px 12px 0;
  color: var(--dm-ink2);
  font-size: 11.5px;
  overflow-wrap: anywhere;
}

/* ---- the editor ---- */

.dm-hover {
  max-width: 460px;
  padding: 4px 8px;
  font-family: var(--jp-ui-font-family);
  font-size: 12.5px;
  line-height: 18px;
}

.dm-hover code {
  font-family: var(--dm-mono);
  font-size: 12px;
}

.dm-cell .tok-meta,
.dm-cell .tok-keyword {
  font-weight: bold;
}
`,""]),r.d(o,{},{A:n})},"./node_modules/css-loader/dist/runtime/api.js"(e){e.exports=function(e){var o=[];return o.toString=function(){return this.map(function(o){var r="",t=void 0!==o[5];return o[4]&&(r+="@supports (".concat(o[4],") {")),o[2]&&(r+="@media ".concat(o[2]," {")),t&&(r+="@layer".concat(o[5].length>0?" ".concat(o[5]):""," {")),r+=e(o),t&&(r+="}"),o[2]&&(r+="}"),o[4]&&(r+="}"),r}).join("")},o.i=function(e,r,t,d,i){"string"==typeof e&&(e=[[null,e,void 0]]);var n={};if(t)for(var a=0;a<this.length;a++){var s=this[a][0];null!=s&&(n[s]=!0)}for(var l=0;l<e.length;l++){var p=[].concat(e[l]);t&&n[p[0]]||(void 0!==i&&(void 0===p[5]||(p[1]="@layer".concat(p[5].length>0?" ".concat(p[5]):""," {").concat(p[1],"}")),p[5]=i),r&&(p[2]&&(p[1]="@media ".concat(p[2]," {").concat(p[1],"}")),p[2]=r),d&&(p[4]?(p[1]="@supports (".concat(p[4],") {").concat(p[1],"}"),p[4]=d):p[4]="".concat(d)),o.push(p))}},o}},"./node_modules/css-loader/dist/runtime/noSourceMaps.js"(e){e.exports=function(e){return e[1]}},"./node_modules/style-loader/dist/runtime/injectStylesIntoStyleTag.js"(e){var o=[];function r(e){for(var r=-1,t=0;t<o.length;t++)if(o[t].identifier===e){r=t;break}return r}function t(e,t){for(var d={},i=[],n=0;n<e.length;n++){var a=e[n],s=t.base?a[0]+t.base:a[0],l=d[s]||0,p="".concat(s," ").concat(l);d[s]=l+1;var m=r(p),c={css:a[1],media:a[2],sourceMap:a[3],supports:a[4],layer:a[5]};if(-1!==m)o[m].references++,o[m].updater(c);else{var u=function(e,o){var r=o.domAPI(o);return r.update(e),function(o){o?(o.css!==e.css||o.media!==e.media||o.sourceMap!==e.sourceMap||o.supports!==e.supports||o.layer!==e.layer)&&r.update(e=o):r.remove()}}(c,t);t.byIndex=n,o.splice(n,0,{identifier:p,updater:u,references:1})}i.push(p)}return i}e.exports=function(e,d){var i=t(e=e||[],d=d||{});return function(e){e=e||[];for(var n=0;n<i.length;n++){var a=r(i[n]);o[a].references--}for(var s=t(e,d),l=0;l<i.length;l++){var p=r(i[l]);0===o[p].references&&(o[p].updater(),o.splice(p,1))}i=s}}},"./node_modules/style-loader/dist/runtime/insertBySelector.js"(e){var o={};e.exports=function(e,r){var t=function(e){if(void 0===o[e]){var r=document.querySelector(e);if(window.HTMLIFrameElement&&r instanceof window.HTMLIFrameElement)try{r=r.contentDocument.head}catch(e){r=null}o[e]=r}return o[e]}(e);if(!t)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");t.appendChild(r)}},"./node_modules/style-loader/dist/runtime/insertStyleElement.js"(e){e.exports=function(e){var o=document.createElement("style");return e.setAttributes(o,e.attributes),e.insert(o,e.options),o}},"./node_modules/style-loader/dist/runtime/setAttributesWithoutAttributes.js"(e,o,r){e.exports=function(e){var o=r.nc;o&&e.setAttribute("nonce",o)}},"./node_modules/style-loader/dist/runtime/styleDomAPI.js"(e){e.exports=function(e){if("u"<typeof document)return{update:function(){},remove:function(){}};var o=e.insertStyleElement(e);return{update:function(r){var t,d,i;t="",r.supports&&(t+="@supports (".concat(r.supports,") {")),r.media&&(t+="@media ".concat(r.media," {")),(d=void 0!==r.layer)&&(t+="@layer".concat(r.layer.length>0?" ".concat(r.layer):""," {")),t+=r.css,d&&(t+="}"),r.media&&(t+="}"),r.supports&&(t+="}"),(i=r.sourceMap)&&"u">typeof btoa&&(t+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(i))))," */")),e.styleTagTransform(t,o,e.options)},remove:function(){var e;null===(e=o).parentNode||e.parentNode.removeChild(e)}}}},"./node_modules/style-loader/dist/runtime/styleTagTransform.js"(e){e.exports=function(e,o){if(o.styleSheet)o.styleSheet.cssText=e;else{for(;o.firstChild;)o.removeChild(o.firstChild);o.appendChild(document.createTextNode(e))}}},"./style/index.js"(e,o,r){var t=r("./node_modules/style-loader/dist/runtime/injectStylesIntoStyleTag.js"),d=r.n(t),i=r("./node_modules/style-loader/dist/runtime/styleDomAPI.js"),n=r.n(i),a=r("./node_modules/style-loader/dist/runtime/insertBySelector.js"),s=r.n(a),l=r("./node_modules/style-loader/dist/runtime/setAttributesWithoutAttributes.js"),p=r.n(l),m=r("./node_modules/style-loader/dist/runtime/insertStyleElement.js"),c=r.n(m),u=r("./node_modules/style-loader/dist/runtime/styleTagTransform.js"),x=r.n(u),f=r("./node_modules/css-loader/dist/cjs.js!./style/base.css"),g={};g.styleTagTransform=x(),g.setAttributes=p(),g.insert=s().bind(null,"head"),g.domAPI=n(),g.insertStyleElement=c(),d()(f.A,g),f.A&&f.A.locals&&f.A.locals}}]);