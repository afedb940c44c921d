namespace Platter.Images;

/// <summary>The rules for a footer that hold in every kind of VHD.</summary>
/// <param name="report">Where findings go.</param>
/// <param name="footerOffset">Where the footer stands in the file, bytes.</param>
internal sealed class VhdFooterChecker(CheckReport report, long footerOffset)
{
    internal void Check(in VhdFooter footer)
    {
        var expected = footer.ComputeChecksum();
        if (footer.Cookie != VhdFooter.CookieValue)
            Add("VHD-0001", Severity.Error, "cookie", 0x00, $"found 0x{(ulong)footer.Cookie:X16}, expected \"conectix\"; the rest of the footer is whole");
        else if (footer.Checksum != expected)
            Add("VHD-0002", Severity.Error, "checksum", 0x40, $"found 0x{(uint)footer.Checksum:X8}, expected 0x{expected:X8}: the footer is damaged");
        if (footer.FileFormatVersion != VhdFooter.Version1)
            Add("VHD-0003", Severity.Warning, "fileFormatVersion", 0x0C, $"found 0x{(uint)footer.FileFormatVersion:X8}, expected 0x{VhdFooter.Version1:X8}");
        ulong size = footer.CurrentSize;
        if (size % (1 << 20) != 0)
            Add("VHD-0007", Severity.Note, "currentSize", 0x30, $"found {size} bytes, not whole MiB: clouds refuse to take it");
        var (cylinders, heads, perTrack) = VhdFooter.Geometry((long)Math.Min(size, long.MaxValue) / 512);
        if (footer.Cylinders != cylinders || footer.Heads != heads || footer.SectorsPerTrack != perTrack)
        {
            Add("VHD-0008", Severity.Note, "geometry", 0x38,
                $"found {footer.Cylinders}/{footer.Heads}/{footer.SectorsPerTrack}, expected {cylinders}/{heads}/{perTrack} for the size");
        }
        if (footer.SavedState > 1)
            Add("VHD-0009", Severity.Warning, "savedState", 0x54, $"found {footer.SavedState}, expected 0 or 1");
        else if (footer.SavedState == 1)
            Add("VHD-0010", Severity.Note, "savedState", 0x54, "the machine that uses this disk is suspended: edits may surprise it when it wakes");
    }

    internal void Add(string code, Severity severity, string field, int offset, string message) =>
        report.Add(code, severity, "VhdFooter." + field, footerOffset + offset, message);
}
