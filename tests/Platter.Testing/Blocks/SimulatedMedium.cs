using Platter.Blocks;

namespace Platter.Testing.Blocks;

/// <summary>What a program did to the host: to the files of an image, to the journal beside it, and to the journal's name.</summary>
internal enum MediumKind { Write, SetLength, Flush, Link, Unlink, FlushNames, CommitBegins, CommitReturns }

/// <param name="File">0 is the image, numbers below are the other files that its disk lies in, from -<see cref="SimulatedMedium.FirstOther"/> down; every
/// journal file that is ever created has a number of its own, from 1 up.</param>
internal sealed record MediumOperation(MediumKind Kind, int File, long Offset, byte[]? Data)
{
    public override string ToString() => $"{Kind} {(File > 0 ? $"journal {File}" : File == 0 ? "image" : $"file {-File}")} at {Offset}{(Data is null ? "" : $", {Data.Length} bytes")}";
}

/// <summary>The files of an image and its journal in memory, with a log of everything that is done to them, in order.</summary>
internal sealed class SimulatedMedium
{
    /// <summary>-1 stands for no file.</summary>
    internal const int FirstOther = 2;

    private int _files;

    /// <param name="images">The image's own file, then the others that its disk lies in.</param>
    /// <param name="journal">The journal beside it; null when there is none.</param>
    internal SimulatedMedium(IReadOnlyList<SharedPages> images, SharedPages? journal)
    {
        Images = [.. images.Select((content, index) => new LoggedFile(this, NumberOf(index), content))];
        Store = new LoggedStore(this, journal is null ? null : new LoggedFile(this, ++_files, journal));
    }

    internal IReadOnlyList<ResizableDevice> Images { get; }
    internal LoggedStore Store { get; }
    internal List<MediumOperation> Log { get; } = [];

    /// <summary>The number of one of the image's files, by its place among them.</summary>
    internal static int NumberOf(int index) => index == 0 ? 0 : 1 - FirstOther - index;

    internal void Note(MediumKind kind, int file = -1, long offset = 0, byte[]? data = null) => Log.Add(new(kind, file, offset, data));

    internal sealed class LoggedFile(SimulatedMedium medium, int number, SharedPages content) : ResizableDevice
    {
        internal int Number => number;
        internal SharedPages Content => content;

        public override long Length => content.Length;
        public override bool CanWrite => true;

        public override void Flush() => medium.Note(MediumKind.Flush, number);

        protected override void ReadCore(long offset, Span<byte> buffer) => content.Read(offset, buffer);

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
        {
            content.Write(offset, data);
            medium.Note(MediumKind.Write, number, offset, data.ToArray());
        }

        protected override void DiscardCore(long offset, long length) => WriteZerosCore(offset, length);

        protected override void SetLengthCore(long length)
        {
            content.SetLength(length);
            medium.Note(MediumKind.SetLength, number, length);
        }
    }

    internal sealed class LoggedStore(SimulatedMedium medium, LoggedFile? journal) : JournalStore
    {
        internal LoggedFile? Journal { get; private set; } = journal;

        public override string Name => "the simulated journal";

        public override ResizableDevice? Open(bool write) => Journal;

        public override ResizableDevice Create()
        {
            Journal = new LoggedFile(medium, ++medium._files, new SharedPages([]));
            medium.Note(MediumKind.Link, Journal.Number);
            return Journal;
        }

        public override void Remove()
        {
            if (Journal is not null)
                medium.Note(MediumKind.Unlink);
            Journal = null;
        }

        public override void MakeNameDurable() => medium.Note(MediumKind.FlushNames);
    }
}
